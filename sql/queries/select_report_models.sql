-- The current model and, after it, the newest notebook model of the same data.
select
    model.model_id,
    model.preset,
    model.is_current,
    model.epochs,
    model.best_epoch,
    model.valid_rmse,
    model.parameters,
    model.seconds,
    coalesce(
        (model.hyperparameters -> '$.training.is_distilled')::boolean, false
    ) as is_distilled,
from models as model
inner join models as current_one
    on
        model.data_fingerprint = current_one.data_fingerprint
        and current_one.is_current
where model.is_current or model.preset = 'notebook'
order by model.is_current desc, model.created_at desc, model.model_id
limit 2;
