-- Offending rows: recommended movies that the user has rated.
select
    recommended.user_id,
    recommended.method,
    recommended.movie_id,
    rating.rating,
from recommendations as recommended
inner join ratings as rating
    on
        recommended.user_id = rating.user_id
        and recommended.movie_id = rating.movie_id
order by recommended.user_id, recommended.method, recommended.movie_id;
