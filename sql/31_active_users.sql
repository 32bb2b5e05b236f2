-- active_users: users with enough ratings on the kept movies.
-- Grain: one row per active user.
-- Reads: ratings, top_movies, settings.
-- Why: ratings on other movies do not count; the model never sees them.

create or replace view active_users as
with counted as (
    select
        rating.user_id,
        count(*) as rating_count,
        avg(rating.rating) as mean_rating,
    from ratings as rating
    inner join top_movies as movie
        on rating.movie_id = movie.movie_id
    group by rating.user_id
)

select
    user_id,
    row_number() over (order by user_id) - 1 as user_index,
    rating_count,
    mean_rating,
from counted
where rating_count >= (select settings.min_ratings from settings);

comment on view active_users is
'Users with at least settings.min_ratings ratings on the top movies. One row a user.';
comment on column active_users.user_id is
'User as the data names it.';
comment on column active_users.user_index is
'Dense row of the user in a model trained now, in order of user_id.';
comment on column active_users.rating_count is
'Ratings of this user on the top movies.';
comment on column active_users.mean_rating is
'Mean of those ratings (stars); a movie rated at or above it is one they liked.';
