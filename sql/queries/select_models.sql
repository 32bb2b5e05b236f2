-- The models with what they were made from and how good they are, newest first.
-- sql_sha256 is that of the program that asks: a model made by other views is stale.
select
    lineage.model_id,
    lineage.created_at,
    lineage.is_current,
    lineage.is_stale or lineage.sql_sha256 != $sql_sha256 as is_stale,
    lineage.preset,
    lineage.fit_on,
    model.parameters,
    model.valid_rmse,
    tested.value as test_rmse,
    lineage.source_uri,
    lineage.study,
from model_lineage as lineage
inner join models as model
    on lineage.model_id = model.model_id
left join evaluation as tested
    on
        lineage.model_id = tested.model_id
        and tested.split = 'test'
        and tested.metric = 'rmse'
order by lineage.created_at desc, lineage.model_id;
