-- The most ratings on the top movies that any user has; 0 if there are none.
select coalesce(max(rating_count), 0) as rating_count
from (
    select count(*) as rating_count
    from ratings as rating
    inner join top_movies as movie
        on rating.movie_id = movie.movie_id
    group by rating.user_id
) as counted;
