-- What a user is recommended, by each method, best first.
select
    method,
    rank,
    movie_id,
    title,
    predicted_rating::double as predicted_rating,
    similarity,
    is_confirmed,
from recommendations
where user_id = $user_id and rank <= $count
order by method, rank;
