"""Commands about the models of a warehouse: list them, go back to one."""

import click

from recsys.cli.options import Shared, shared_options
from recsys.cli.output import print_rows


@click.group(invoke_without_command=True)
@click.pass_context
@shared_options("database", "format")
def models(shared: Shared, context: click.Context) -> None:
    """List the models, newest first, or go back to one of them.

    A stale model was trained on other data, or by other SQL files, than there are now. The
    full lineage is in view model_lineage.
    """
    if context.invoked_subcommand is not None:
        return
    from recsys.data.sql_files import sql_sha256
    from recsys.data.warehouse import open_for_reading

    with open_for_reading(shared.database) as warehouse:
        rows = warehouse.rows("select_models", sql_sha256=sql_sha256())
    print_rows(rows, shared.format)


@models.command()
@click.argument("model_id", metavar="MODEL_ID")
@shared_options("database", "device")
def use(shared: Shared, model_id: str) -> None:
    """Make MODEL_ID the current model.

    Its predictions and recommendations take the place of the others, and predict_rating
    computes by it, all in one transaction.
    """
    from recsys.serving.batch_scoring import use_model

    done = use_model(shared.database, model_id, shared.device, shared.progress)
    click.echo(
        f"Model {done.model_id} is current; {done.prediction_count} predictions ({done.provider})."
    )
