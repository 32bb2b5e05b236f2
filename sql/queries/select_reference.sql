-- The notebook network trained on these data, if it is there.
select model_id
from models
where preset = 'notebook' and data_fingerprint = $data_fingerprint
order by created_at desc, model_id
limit 1;
