-- Store the Gaussian models that Python hands over as new_teacher_models.
insert into teacher_models
select
    $model_id as model_id,
    name,
    share,
    steps,
    valid_rmse,
from new_teacher_models;
