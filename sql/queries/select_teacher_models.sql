-- The Gaussian models tried to teach a model; those that it learnt from come first.
select
    name,
    share,
    steps,
    valid_rmse,
from teacher_models
where model_id = $model_id
order by share desc, valid_rmse, name;
