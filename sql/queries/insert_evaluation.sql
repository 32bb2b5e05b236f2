-- Store the metrics that Python hands over as new_evaluation; nan is no bound.
insert into evaluation by name
select
    model_id,
    split,
    metric,
    value,
    case when not isnan(ci_low) then ci_low end as ci_low,
    case when not isnan(ci_high) then ci_high end as ci_high,
from new_evaluation;
