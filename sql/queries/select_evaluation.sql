-- Errors of some models and of the baselines, one row each, by split; worst last.
select
    model_id,
    split,
    max(value) filter (where metric = 'rmse') as rmse,
    max(ci_low) filter (where metric = 'rmse') as rmse_low,
    max(ci_high) filter (where metric = 'rmse') as rmse_high,
    max(value) filter (where metric = 'mae') as mae,
    max(ci_low) filter (where metric = 'mae') as mae_low,
    max(ci_high) filter (where metric = 'mae') as mae_high,
from evaluation
where
    metric in ('rmse', 'mae')
    and (
        model_id in (select unnest($model_ids::varchar[]))
        or model_id in ('global-mean', 'damped-bias')
    )
group by model_id, split
order by split, rmse, model_id;
