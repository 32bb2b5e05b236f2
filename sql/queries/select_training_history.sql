-- Learning curve of a model.
select
    epoch,
    train_loss,
    valid_loss,
    valid_rmse,
    valid_mae,
    learning_rate,
from training_history
where model_id = $model_id
order by epoch;
