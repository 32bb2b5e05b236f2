-- Ratings of one user in one split, in an order that is arbitrary yet always the same.
select
    split.user_id,
    split.movie_id,
    movie.title,
    split.split,
    split.rating as actual_rating,
from split_ratings as split
inner join movies as movie
    on split.movie_id = movie.movie_id
inner join movie_embeddings as known
    on split.movie_id = known.movie_id
cross join settings
where
    split.user_id = $user_id
    and split.split = $split
    and known.model_id = $model_id
order by
    md5(concat_ws(':', settings.split_seed, split.user_id, split.movie_id)),
    split.movie_id
limit $count;
