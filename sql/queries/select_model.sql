-- One model, or the current one if none is named; no row if it is not there.
select
    model_id,
    onnx,
    onnx_sha256,
    data_fingerprint,
    fit_on,
    valid_rmse,
    lowest_rating,
    highest_rating,
from models
where if($model_id::varchar is null, is_current, model_id = $model_id::varchar);
