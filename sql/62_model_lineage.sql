-- model_lineage: what each model was made from.
-- Grain: one row per model, newest first.
-- Reads: models, sources, data_fingerprint.
-- Why: a prediction can be traced to bytes, settings, code and versions; a model whose
--      data or views have changed since says so.

create or replace view model_lineage as
select
    model.model_id,
    model.created_at,
    model.is_current,
    model.data_fingerprint != now.fingerprint
    or model.sql_sha256 != now.sql_sha256 as is_stale,
    source.uri as source_uri,
    model.source_sha256,
    source.is_synthetic,
    model.settings,
    model.sql_sha256,
    model.data_fingerprint,
    model.preset,
    model.fit_on,
    model.hyperparameters,
    model.seed,
    model.study,
    model.training_device,
    model.seconds,
    model.provider,
    model.onnx_sha256,
    model.versions,
from models as model
cross join data_fingerprint as now
left join sources as source
    on model.source_sha256 = source.sha256 and source.name = 'ratings'
order by model.created_at desc, model.model_id;

comment on view model_lineage is
'What each model was made from. One row per model, newest first.';
comment on column model_lineage.model_id is
'Model, as in models.';
comment on column model_lineage.created_at is
'When training ended, UTC.';
comment on column model_lineage.is_current is
'True for the model whose predictions are in this file.';
comment on column model_lineage.is_stale is
'True when the data or the files of the data layer changed since it was trained.';
comment on column model_lineage.source_uri is
'Where the ratings came from; null if this file holds other ratings now.';
comment on column model_lineage.source_sha256 is
'SHA-256 of the ratings file.';
comment on column model_lineage.is_synthetic is
'True when the ratings were generated, not collected from people.';
comment on column model_lineage.settings is
'The row of settings when it was trained.';
comment on column model_lineage.sql_sha256 is
'SHA-256 over the SQL files that made the views.';
comment on column model_lineage.data_fingerprint is
'data_fingerprint.fingerprint when it was trained.';
comment on column model_lineage.preset is
'Named configuration that it was trained with.';
comment on column model_lineage.fit_on is
'Splits whose ratings fitted the weights.';
comment on column model_lineage.hyperparameters is
'Every hyperparameter that had a part in it, by group; see models.';
comment on column model_lineage.seed is
'Seed of initialisation, order of batches and dropout.';
comment on column model_lineage.study is
'Optuna study that chose its hyperparameters; null if none did.';
comment on column model_lineage.training_device is
'Device that trained it.';
comment on column model_lineage.seconds is
'Duration of training (seconds).';
comment on column model_lineage.provider is
'onnxruntime execution provider of the last scoring.';
comment on column model_lineage.onnx_sha256 is
'SHA-256 of the network as an ONNX file.';
comment on column model_lineage.versions is
'Versions of the packages that trained and exported it.';
