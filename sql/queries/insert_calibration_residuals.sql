-- Store what a model missed on valid, which Python hands over as new_residuals.
insert into calibration_residuals
select
    $model_id as model_id,
    user_id,
    movie_id,
    residual,
from new_residuals
order by user_id, movie_id;
