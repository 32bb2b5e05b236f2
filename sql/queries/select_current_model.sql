-- Which model is current, and whether the data changed since it was trained.
select
    model.model_id,
    model.data_fingerprint != now.fingerprint as is_stale,
from models as model
cross join data_fingerprint as now
where model.is_current;
