-- How the current model was trained, if there is one.
select
    model_id,
    preset,
    hyperparameters::varchar as hyperparameters,
    fit_on,
    data_fingerprint,
from models
where is_current;
