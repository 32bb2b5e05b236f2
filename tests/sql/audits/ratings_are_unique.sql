-- Offending rows: (user, movie) pairs with more than one rating among those kept.
select
    user_id,
    movie_id,
    count(*) as rating_count,
from filtered_ratings
group by user_id, movie_id
having count(*) > 1
order by user_id, movie_id;
