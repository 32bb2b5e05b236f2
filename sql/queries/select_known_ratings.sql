-- Ratings that these users gave to movies the model knows, with the mean of each user.
select
    active.user_index::bigint as user_index,
    movie.movie_index::bigint as movie_index,
    rating.rating,
    avg(rating.rating) over (partition by rating.user_id) as mean_rating,
from ratings as rating
inner join user_embeddings as active
    on rating.user_id = active.user_id
inner join movie_embeddings as movie
    on rating.movie_id = movie.movie_id
where
    active.model_id = $model_id
    and movie.model_id = $model_id
    and ($user_ids is null or rating.user_id in (select unnest($user_ids::bigint[])))
order by active.user_index, movie.movie_index;
