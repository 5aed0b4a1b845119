"""The steps of `make demo`, each safe to repeat: what is already done is found and left alone."""

import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from tqdm import tqdm

from catalog.ml.encoder import encoder_directory, vector_length
from catalog.models import Encoder, Product, ProductEmbedding
from catalog.services.embeddings import plan_embedding_run, register_encoder
from fashionrec.common.errors import Conflict
from fashionrec.common.models import ApiKey, Run, User
from fashionrec.common.runs import ring_for_stalled_runs
from fashionrec.common.services.api_keys import create_api_key
from fashionrec.demo.catalogue import write_catalogue
from fashionrec.demo.world import SIMULATED_SOURCE, Oracle, record_simulated_shoppers, world_of_shop
from fashionrec.processes import Supervisor
from feedback.models import Event, Visitor
from personas.models import Persona, QualityReport, Rating, RatingRun
from personas.services.language_models import default_language_model
from personas.services.personas import generate_personas
from personas.services.rating_plans import plan_rating_run
from personas.services.ratings import publish
from recommender.datasets import build_dataset
from recommender.models import EvaluationReport, ModelKind, TrainingRun
from recommender.selectors import champion as current_champion
from recommender.selectors import latest_versions, open_trainings
from recommender.services.models import promote
from recommender.services.training import start_training

DRAWN_SOURCE = "demo"
LONGEST_SOURCE = 30
"""Its simulated shoppers are visitors of the source "simulated:<source>", which has room for 40 characters."""
KEY_NAME = "demo"
SILENCE_SECONDS = 60
"""After so long without progress a person is told where to look."""
TRAINED_KINDS = (
    ModelKind.TWO_TOWER,  # the long ones first: the worker does two at a time
    ModelKind.GRAPHSAGE,
    ModelKind.RANDOM,
    ModelKind.POPULARITY,
    ModelKind.POPULARITY_30D,
    ModelKind.CONTENT_KNN,
    ModelKind.ITEM_KNN,
    ModelKind.TRANSITION_KNN,
    ModelKind.EASE,
    ModelKind.SOFTMAX_MF,
)
KEY_SCOPES = (
    "catalog:write", "embeddings:read", "recommendations:read", "events:write", "personas:read", "ratings:read",
    "ratings:write", "models:read", "models:write", "imports:read", "imports:write", "visitors:read", "visitors:write",
)  # fmt: skip


@dataclass
class Demo:
    """What is to be built. `catalog` None means the drawn catalogue."""

    catalog: Path | None = None
    format: str = "jsonl"
    source: str = DRAWN_SOURCE
    products: int = 640
    personas: int = 48
    raters_per_product: int = 6
    rated_products: int = 800
    """Of a larger catalogue so many, drawn, are rated: 170 cells a second on two quiet cores, 30 on busy ones."""
    shoppers: int = 1500
    seed: int = 7
    quiet: bool = False
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a step and name it on the terminal."""
        if not self.quiet:
            print(f"── {name}", flush=True)
        started = time.monotonic()
        yield
        self.seconds[name] = round(time.monotonic() - started, 1)

    def bar(self, total: int, unit: str) -> "tqdm[Any]":
        # A log file gets a line now and then, a terminal a smooth bar.
        interval = 0.2 if sys.stderr.isatty() else 5.0
        return tqdm(total=total, unit=unit, disable=self.quiet, leave=True, ncols=88, mininterval=interval)


def import_products(demo: Demo) -> None:
    """Draw the catalogue unless one is given, and import it through the same door as any other."""
    path = demo.catalog
    if path is None:
        folder = Path(settings.DATA_DIR) / "demo" / f"catalogue-{demo.seed}-{demo.products}"
        with demo.step("draw"), demo.bar(demo.products, "picture") as bar:
            path = write_catalogue(folder, seed=demo.seed, count=demo.products, on_progress=_to(bar))
    with demo.step("import"):
        state = read_state()
        if state.get("imported") == [str(path), demo.source] and Product.objects.filter(source=demo.source).exists():
            _show_only(demo.source)
            return
        call_command("import_catalog", str(path), format=demo.format, source=demo.source)
        _show_only(demo.source)
        write_state(imported=[str(path), demo.source])


def _show_only(source: str) -> None:
    """The demo is about one catalogue: another one that an earlier demo imported is archived, not deleted."""
    others = set(read_state().get("sources", [])) - {source}
    hidden = Product.objects.filter(source__in=others).exclude(status=Product.Status.ARCHIVED)
    if count := hidden.update(status=Product.Status.ARCHIVED):
        print(f"   archived {count} products of {', '.join(sorted(others))}: the demo shows one catalogue at a time")
    if not Product.objects.visible().filter(source=source).exists():
        Product.objects.filter(source=source).update(status=Product.Status.ACTIVE)
    write_state(sources=sorted(others | {source}))


def embed_products(demo: Demo, supervisor: Supervisor) -> None:
    """Vectors by the configured encoder, which takes over when the last one is there if another was live."""
    with demo.step("embed"):
        encoder = configured_encoder()
        while run := plan_embedding_run(encoder=encoder, goes_live=True):
            watch(demo, supervisor, [run], unit="product")
            run.refresh_from_db()
            if run.state != Run.State.DONE:
                raise RuntimeError(f"embedding: {run.state}: {run.error}")
            time.sleep(0.2)  # the worker may still be making the index that the switch waits for


def configured_encoder() -> Encoder:
    """The row of the configured encoder. Reads its digest from disk; the weights stay unopened."""
    name = settings.FASHIONREC["ENCODER"]
    folder = encoder_directory(name, search=[Path(settings.DATA_DIR) / "encoders"])
    config = json.loads((folder / "config.json").read_text())
    return register_encoder(
        name=name,
        digest=config["weights_sha256"],
        dimensions=vector_length(config),
        hybrid=config.get("hybrid"),
    )


def make_personas(demo: Demo) -> list[Persona]:
    with demo.step("personas"):
        return generate_personas(count=demo.personas, seed=demo.seed)


def plan_ratings(demo: Demo, personas: list[Persona]) -> RatingRun | None:
    """The demo's rating run over its catalogue, begun or new; None when its products are rated already.

    Other people's runs are left alone.
    """
    if Rating.objects.filter(run__published_at__isnull=False, product__source=demo.source).exists():
        return None
    runs = read_state().get("rating_runs", {})
    usable = [*Run.OPEN_STATES, Run.State.DONE]
    begun = RatingRun.objects.filter(pk=runs.get(demo.source), state__in=usable).first()
    if begun is not None:
        return begun
    run = plan_rating_run(
        personas=personas,
        language_model=default_language_model(),
        raters_per_product=min(demo.raters_per_product, len(personas)),
        products=min(demo.rated_products, Product.objects.visible().count()) or None,
        seed=demo.seed,
    )
    write_state(rating_runs={**runs, demo.source: str(run.pk)})
    return run


def rate_products(demo: Demo, supervisor: Supervisor, personas: list[Persona]) -> None:
    """Let the shop's language model rate. Answers that the gate blocks are kept, shown in admin, and left out."""
    with demo.step("rate"):
        run = plan_ratings(demo, personas)
        if run is None:
            return
        watch(demo, supervisor, [run], unit="cell")
        run.refresh_from_db()
        if run.state != Run.State.DONE:
            raise RuntimeError(f"rating: {run.state}: {run.error}")
        try:
            publish(run=run)
        except Conflict as error:
            print(f"   the ratings are left out: {error.message}", file=sys.stderr)


def simulate_shoppers(demo: Demo, personas: list[Persona]) -> None:
    with demo.step("shoppers"):
        if not simulated_visitors(demo.source).exists():
            world = world_of_shop(personas=personas, source=demo.source, seed=demo.seed)
            record_simulated_shoppers(world=world, shoppers=demo.shoppers, source=demo.source)


def train_models(demo: Demo, supervisor: Supervisor) -> None:
    """Queue one training per kind; the worker does them side by side."""
    with demo.step("train"):
        if is_trained(demo):
            return
        _train(demo, supervisor, TRAINED_KINDS)
        _train(demo, supervisor, (ModelKind.BLEND,))  # learns how to weigh the others


def _train(demo: Demo, supervisor: Supervisor, kinds: tuple[ModelKind, ...]) -> None:
    """Train the kinds that have no version of the shop's present events, and wait for them."""
    running = open_trainings()
    fresh = latest_versions(fingerprint=build_dataset().fingerprint)
    missing = [kind for kind in kinds if kind not in fresh]
    runs = [running.get(kind) or start_training(kind=kind, seed=demo.seed) for kind in missing]
    if not runs:
        return
    watch(demo, supervisor, runs, unit="epoch")
    for run in runs:
        run.refresh_from_db()
        if run.state != Run.State.DONE:
            raise RuntimeError(f"training {run.kind}: {run.state}: {run.error}")


def evaluate_models(demo: Demo, personas: list[Persona]) -> EvaluationReport:
    """Measure all models and the oracle on the same held-out events."""
    from recommender.evaluation_jobs import evaluate_versions

    with demo.step("evaluate"):
        report = EvaluationReport.objects.filter(pk=read_state().get("report") or 0).first()
        if report is not None and is_trained(demo):
            return report
        versions = latest_versions(fingerprint=build_dataset().fingerprint)
        world = world_of_shop(personas=personas, source=demo.source, seed=demo.seed)
        world.simulate_shoppers(simulated_visitors(demo.source).count())
        with demo.bar(len(versions) + 1, "model") as bar:
            report = evaluate_versions(
                list(versions.values()),
                extra={"oracle": Oracle(world, source=demo.source)},
                seed=demo.seed,
                on_model=lambda _: bar.update(),
            )
        write_state(report=report.pk)
        return report


def promote_best(demo: Demo, report: EvaluationReport) -> str:
    """The measured model with the best NDCG on validation becomes the champion; the test part is only reported."""
    with demo.step("promote"):
        champion = current_champion()
        if champion is not None and is_trained(demo):
            return champion.name
        candidates = report.versions.exclude(kind=ModelKind.RANDOM)
        best = max(candidates, key=lambda version: version.metrics.get("validation_ndcg@10", 0.0))
        promote(version=best, actor="demo")
        write_state(trained=demo.source)
        return best.name


def is_trained(demo: Demo) -> bool:
    """An earlier demo trained and promoted for this catalogue; what came since is for the shop to learn from."""
    return read_state().get("trained") == demo.source and current_champion() is not None


def make_access(demo: Demo) -> dict[str, str]:
    """An administrator and an API key for this machine, kept in a file that only its owner reads."""
    with demo.step("access"):
        state = read_state()
        if "password" not in state or not User.objects.filter(username="admin").exists():
            state["password"] = secrets.token_urlsafe(12)
            user, _ = User.objects.get_or_create(username="admin", defaults={"is_staff": True, "is_superuser": True})
            user.set_password(state["password"])
            user.save()
            write_state(password=state["password"])
        prefix = state.get("api_key", "").partition(".")[0]
        if not ApiKey.objects.filter(prefix=prefix, revoked_at__isnull=True).exists():
            _, state["api_key"] = create_api_key(name=KEY_NAME, scopes=list(KEY_SCOPES), source=KEY_NAME)
            write_state(api_key=state["api_key"])
        return {"username": "admin", "password": state["password"], "api_key": state["api_key"]}


def summary(demo: Demo, results: dict[str, Any], champion: str) -> dict[str, Any]:
    """The last line of `make demo`."""
    shown = Product.objects.visible().filter(source=demo.source)
    encoder = Encoder.objects.get(is_live=True)
    return {
        "products": shown.count(),
        "embedded": ProductEmbedding.objects.filter(encoder=encoder, kind="hybrid", product__in=shown).count(),
        "personas": Persona.objects.count(),
        "ratings": Rating.objects.filter(run__published_at__isnull=False, product__in=shown).count(),
        "rated_by": rated_by(demo),
        "events": Event.objects.filter(product__in=shown).count(),
        "champion": champion,
        "models": results["models"],
        "seconds": demo.seconds,
    }


def rated_by(demo: Demo) -> dict[str, Any]:
    """Who rated this catalogue, and what the gate read of it."""
    reports = QualityReport.objects.filter(run__ratings__product__source=demo.source).distinct()
    report = reports.select_related("run__language_model").order_by("-created_at").first()
    if report is None:
        return {}
    model = report.run.language_model
    return {
        "language_model": model.name,
        "demonstration": model.is_demonstration,
        "simulated": model.is_simulator,
        "published": report.run.published_at is not None,
        "reasons": report.reasons,
        "persona_effect": report.figures["persona_effect"],
        "label_mass": report.figures["label_mass"]["mean"],
        "order_agreement": report.figures["order_agreement"],
        "share_of_minus_one": report.figures["calibrated"]["share_of_minus_one"],
    }


def simulated_visitors(source: str) -> Any:
    return Visitor.objects.filter(source=f"{SIMULATED_SOURCE}:{source}")


def watch(demo: Demo, supervisor: Supervisor, runs: list[Any], *, unit: str) -> None:
    """Show the progress of runs in one bar until none is open; the worker does the work."""
    ring_for_stalled_runs()
    changed, bar = time.monotonic(), demo.bar(0, unit)
    try:
        while True:
            for run in runs:
                run.refresh_from_db()
            still_open = [run for run in runs if run.is_open]
            bar.total = sum(run.total for run in runs)
            bar.set_postfix_str(
                ", ".join(run.kind for run in still_open if isinstance(run, TrainingRun)), refresh=False
            )
            if finished := sum(run.done for run in runs) - bar.n:
                changed = time.monotonic()
            bar.update(finished)
            if not still_open:
                return
            supervisor.check()
            if time.monotonic() - changed > SILENCE_SECONDS:
                logs = Path(settings.DATA_DIR) / "log"
                print(f"   no progress for {SILENCE_SECONDS} s; the worker's log is in {logs}", file=sys.stderr)
                changed = time.monotonic()
            time.sleep(0.2)
    finally:
        bar.refresh()
        bar.close()


def state_path() -> Path:
    return Path(settings.DATA_DIR) / "demo" / "state.json"


def read_state() -> dict[str, Any]:
    try:
        return dict(json.loads(state_path().read_text()))
    except (FileNotFoundError, ValueError):
        return {}


def write_state(**changes: Any) -> None:
    path = state_path()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".partial")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        json.dump({**read_state(), **changes}, stream, indent=1)
    temporary.replace(path)


def _to(bar: "tqdm[Any]") -> Callable[..., None]:
    def update(done: int, *_: Any) -> None:
        bar.update(done - bar.n)

    return update
