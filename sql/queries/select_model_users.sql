-- The users that the current model knows, in the order of their ids.
select
    known.user_id,
    count(prediction.actual_rating) as rating_count,
    avg(prediction.actual_rating) as mean_rating,
from user_embeddings as known
inner join models as model
    on known.model_id = model.model_id and model.is_current
left join predictions as prediction
    on known.user_id = prediction.user_id
group by known.user_id
order by known.user_id;
