-- Users of the model who rated something in a split.
select distinct split.user_id
from split_ratings as split
inner join user_embeddings as known
    on split.user_id = known.user_id
where
    split.split = $split
    and known.model_id = $model_id
order by split.user_id;
