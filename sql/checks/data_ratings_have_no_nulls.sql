-- Offending rows: ratings without a user, a movie or a finite rating.
select
    user_id,
    movie_id,
    rating,
from ratings
where
    user_id is null
    or movie_id is null
    or rating is null
    or not isfinite(rating)
order by user_id, movie_id;
