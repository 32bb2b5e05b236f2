-- Store the trials that Python hands over as new_trials; what is not finite is unknown.
insert into trials by name
select
    study,
    number,
    state,
    if(isfinite(value), value, null) as value,
    -- numpy's texts arrive as an enum, which would become a JSON string
    hyperparameters::varchar::json as hyperparameters,
    epochs,
    if(isfinite(seconds), seconds, null) as seconds,
    started_at::timestamp as started_at,
from new_trials
order by number;
