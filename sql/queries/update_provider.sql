-- Record which execution provider scored with a model.
update models
set provider = $provider
where model_id = $model_id;
