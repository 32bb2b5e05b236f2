-- What the current model was made from.
select
    model_id,
    created_at,
    is_stale,
    source_uri,
    source_sha256,
    is_synthetic,
    settings::varchar as settings,
    sql_sha256,
    data_fingerprint,
    preset,
    fit_on,
    hyperparameters::varchar as hyperparameters,
    seed,
    study,
    training_device,
    seconds,
    provider,
    onnx_sha256,
    versions::varchar as versions,
from model_lineage
where is_current;
