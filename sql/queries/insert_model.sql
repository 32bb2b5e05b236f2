-- Store a trained network; it is not current until it is promoted.
insert into models
select
    $model_id as model_id,
    (current_timestamp at time zone 'UTC')::timestamp as created_at,
    false as is_current,
    $preset as preset,
    $onnx as onnx,
    $onnx_sha256 as onnx_sha256,
    $data_fingerprint as data_fingerprint,
    (
        select source.sha256
        from sources as source
        where source.name = 'ratings'
    ) as source_sha256,
    (select to_json(settings) from settings) as settings,
    (select print.sql_sha256 from data_fingerprint as print) as sql_sha256,
    $hyperparameters::json as hyperparameters,
    $seed as seed,
    $fit_on as fit_on,
    $parameters as parameters,
    $epochs as epochs,
    $best_epoch as best_epoch,
    $valid_rmse as valid_rmse,
    $lowest_rating as lowest_rating,
    $highest_rating as highest_rating,
    $training_device as training_device,
    $seconds as seconds,
    null as provider,
    $versions::json as versions,
    $study as study;
