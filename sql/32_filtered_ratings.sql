-- filtered_ratings: ratings of active users on top movies.
-- Grain: one row per (user_id, movie_id).
-- Reads: ratings, top_movies, active_users.
-- Why: this is the only place where rows are dropped.

create or replace view filtered_ratings as
select
    rating.user_id,
    rating.movie_id,
    rating.rating,
    rating.rated_at,
    active.user_index,
    movie.movie_index,
from ratings as rating
inner join top_movies as movie
    on rating.movie_id = movie.movie_id
inner join active_users as active
    on rating.user_id = active.user_id;

comment on view filtered_ratings is
'Ratings of active users on top movies. One row per (user_id, movie_id).';
comment on column filtered_ratings.user_id is
'User as the data names it.';
comment on column filtered_ratings.movie_id is
'Movie as the data names it.';
comment on column filtered_ratings.rating is
'Rating on the data''s own scale (stars).';
comment on column filtered_ratings.rated_at is
'When it was rated, UTC; null if the source does not say.';
comment on column filtered_ratings.user_index is
'Dense row of the user, as in active_users.';
comment on column filtered_ratings.movie_index is
'Dense row of the movie, as in top_movies.';
