"""The step of `make demo` that finds the styles of the catalogue."""

from catalog.models import Product, StyleCluster
from catalog.services.styles import FEWEST_PRODUCTS, plan_cluster_run, styles_are_fresh
from fashionrec.common.models import Run
from fashionrec.demo.steps import Demo, watch
from fashionrec.processes import Supervisor


def cluster_products(demo: Demo, supervisor: Supervisor) -> None:
    """Group the products into styles; a catalogue too small to divide has none."""
    with demo.step("styles"):
        if styles_are_fresh() or Product.objects.visible().count() < FEWEST_PRODUCTS:
            return
        run = plan_cluster_run()
        watch(demo, supervisor, [run], unit="step")
        run.refresh_from_db()
        if run.state != Run.State.DONE:
            raise RuntimeError(f"styles: {run.state}: {run.error}")


def count_styles() -> int:
    return StyleCluster.objects.filter(merged_into=None).count()
