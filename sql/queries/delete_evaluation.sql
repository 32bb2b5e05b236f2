-- Forget metrics that are about to be written again.
delete from evaluation
where
    model_id in (select unnest($model_ids::varchar[]))
    and split in (select unnest($splits::varchar[]));
