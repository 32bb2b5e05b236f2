-- The movies nearest to one by the current model, nearest first.
select
    model_id,
    movie_id,
    rank,
    similar_movie_id,
    title,
    similarity,
from similar_movies
where movie_id = $movie_id and rank <= $count
order by rank;
