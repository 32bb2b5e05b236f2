-- Forget a comparison that is about to be written again.
delete from parity
where model_id = $model_id and runtime = $runtime;
