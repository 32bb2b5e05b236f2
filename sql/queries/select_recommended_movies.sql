-- The movies recommended to each user by predicted rating, as rows of the model.
select
    active.user_index::bigint as user_index,
    movie.movie_index::bigint as movie_index,
from recommendations as recommended
inner join user_embeddings as active
    on
        recommended.model_id = active.model_id
        and recommended.user_id = active.user_id
inner join movie_embeddings as movie
    on
        recommended.model_id = movie.model_id
        and recommended.movie_id = movie.movie_id
where recommended.method = 'rating'
order by active.user_index, recommended.rank;
