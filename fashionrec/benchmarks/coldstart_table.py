"""The table of the benchmark coldstart."""

from typing import Any


def table(results: dict[str, Any]) -> str:
    """One line a model, then what the goals say of it."""
    sizes = results["sizes"]
    head = "".join(
        f"{name:>{width}}"
        for name, width in (
            ("N@10", 9), ("R@10", 9), ("×DropoutNet", 25), ("N@10 among", 12), ("×DropoutNet", 25),
            ("warm N@10", 11), ("of all", 8),
        )
    )  # fmt: skip
    lines = [
        f"{results['data']}: {results['note']}",
        f"{sizes['trained_items']} trained and {sizes['unseen_items']} unseen items in one ranking, seen ones masked; "
        f"{sizes['questions_about_items']} events on unseen items; {sizes['training_events']} training events; "
        f"{results['seeds']} trainings from seed {results['seed']}, {results['configurations']} settings per model "
        "chosen on other unseen items",
        "N@10, R@10: unseen items in full ranking; among: unseen items alone; warm: held-out trained items among the "
        "trained, and of all",
        f"{'model':<13}{head}",
    ]
    for name, row in results["models"].items():
        lines.append(
            f"{name:<13}{row['ndcg@10']:>9.4f}{row['recall@10']:>9.4f}{_times(row['over_peer']):>25}"
            f"{row['ndcg@10_among_unseen']:>12.4f}{_times(row['over_peer_among_unseen']):>25}"
            f"{row['ndcg@10_trained']:>11.4f}{row['ndcg@10_trained_full']:>8.4f}"
        )
    prefix = "ndcg@10_picks_"
    picks = [name.removeprefix(prefix) for name in results["models"]["popularity"] if name.startswith(prefix)]
    lines.append(f"{sizes['unseen_users']} unseen shoppers, N@10 of their last item by picks revealed")
    lines.append(f"{'model':<13}" + "".join(f"{name:>9}" for name in picks) + f"{'5 of all':>10}")
    for name, row in results["models"].items():
        share = row["five_picks_share"]
        cells = "".join(f"{row[prefix + count]:>9.4f}" for count in picks)
        lines.append(f"{name:<13}{cells}" + (f"{share:>10.0%}" if share is not None else ""))
    for name, row in results["models"].items():
        if loss := row.get("warm_loss"):
            lines.append(
                f"warm loss of {name}: {loss['share']:+.1%} ({loss['share_low']:+.1%} to {loss['share_high']:+.1%}) "
                "beside the same model without its training for new products; goal ≤ 1%"
            )
    if "oracle" in results["models"]:
        closed = ", ".join(f"{name} {row['gap_closed']:.0%}" for name, row in results["models"].items())
        lines.append(f"gap from popularity to the oracle that is closed, N@10 in full ranking: {closed}")
    lines.append(f"chosen: {results['chosen']}")
    lines.append(_verdict(results))
    return "\n".join(lines)


def _verdict(results: dict[str, Any]) -> str:
    models, best = results["models"], results["best"]
    gain, among = models[best]["over_peer"], models[best]["over_peer_among_unseen"]
    peer, neighbours = models["dropoutnet"], models["content_knn"]
    return (
        f"best of ours, {best}: {_times(gain)} DropoutNet in full ranking, {_times(among)} among the unseen "
        "(goal 1.10, interval above 1)\n"
        f"DropoutNet beside content-kNN: {peer['ndcg@10']:.4f} and {neighbours['ndcg@10']:.4f} in full ranking, "
        f"{peer['ndcg@10_among_unseen']:.4f} and {neighbours['ndcg@10_among_unseen']:.4f} among the unseen"
    )


def _times(difference: dict[str, float | None]) -> str:
    """What a share over the peer is as a factor, with its interval."""
    share, low, high = difference["share"], difference["share_low"], difference["share_high"]
    if share is None or low is None or high is None:
        return "–"
    return f"{1 + share:.2f} ({1 + low:.2f}–{1 + high:.2f})"
