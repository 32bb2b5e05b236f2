-- What one method recommends to a user, best first, as it is stored.
select
    model_id,
    user_id,
    method,
    rank,
    movie_id,
    title,
    similarity,
    predicted_rating,
    is_confirmed,
from recommendations
where user_id = $user_id and method = $method and rank <= $count
order by rank;
