-- Offending rows: models marked current when there is not exactly one.
select
    model_id,
    created_at,
    is_current,
from models
where (select count(*) from models as other where other.is_current) != 1
order by created_at, model_id;
