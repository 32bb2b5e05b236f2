-- Offending rows: split ratings whose user or movie is not in the list it refers to.
select
    rating.user_id,
    rating.movie_id,
    active.user_id is null as has_no_active_user,
    top.movie_id is null as has_no_top_movie,
    movie.movie_id is null as has_no_title,
from split_ratings as rating
left join active_users as active
    on rating.user_id = active.user_id and rating.user_index = active.user_index
left join top_movies as top
    on rating.movie_id = top.movie_id and rating.movie_index = top.movie_index
left join movies as movie
    on rating.movie_id = movie.movie_id
where
    active.user_id is null
    or top.movie_id is null
    or movie.movie_id is null
order by rating.user_id, rating.movie_id;
