-- Make one model the current one.
update models
set is_current = (model_id = $model_id);
