-- rating_funnel: how many ratings, users and movies each filter leaves.
-- Grain: one row per step, from all the data to what the model sees.
-- Reads: ratings, top_movies, filtered_ratings.

create or replace view rating_funnel as
with steps as (
    select
        1 as position,
        'all ratings' as step,
        count(*) as ratings,
        count(distinct user_id) as users,
        count(distinct movie_id) as movies,
    from ratings
    union all
    select
        2 as position,
        'on the top movies' as step,
        count(*) as ratings,
        count(distinct rating.user_id) as users,
        count(distinct rating.movie_id) as movies,
    from ratings as rating
    inner join top_movies as movie
        on rating.movie_id = movie.movie_id
    union all
    select
        3 as position,
        'by active users' as step,
        count(*) as ratings,
        count(distinct user_id) as users,
        count(distinct movie_id) as movies,
    from filtered_ratings
)

select
    step,
    ratings,
    users,
    movies,
from steps
order by position;

comment on view rating_funnel is
'What each filter leaves. One row per step, widest first.';
comment on column rating_funnel.step is
'The filter, cumulative: every step includes the ones before it.';
comment on column rating_funnel.ratings is
'Ratings left.';
comment on column rating_funnel.users is
'Distinct users left.';
comment on column rating_funnel.movies is
'Distinct movies left.';
