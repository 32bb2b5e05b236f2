-- The newest model of the same data whose configuration no study chose, with its RMSE
-- on test; the current model itself if none chose its own.
select
    model.model_id,
    model.preset,
    test.value as test_rmse,
from models as model
inner join models as current_one
    on
        model.data_fingerprint = current_one.data_fingerprint
        and current_one.is_current
inner join evaluation as test
    on model.model_id = test.model_id
where
    model.study is null
    and model.preset != 'notebook'
    and test.split = 'test'
    and test.metric = 'rmse'
order by model.created_at desc, model.model_id
limit 1;
