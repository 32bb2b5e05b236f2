-- What speaks for some movies to one user.
select
    movie_id,
    reason_rank,
    because_movie_id,
    because_title,
    user_rating,
    similarity,
from movie_reasons
where
    user_id = $user_id
    and movie_id in (select unnest($movie_ids::bigint[]))
order by movie_id, reason_rank;
