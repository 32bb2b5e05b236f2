-- Store the learning curve that Python hands over as new_history.
insert into training_history
select
    $model_id as model_id,
    epoch,
    train_loss,
    valid_loss,
    valid_rmse,
    valid_mae,
    learning_rate,
    seconds,
from new_history;
