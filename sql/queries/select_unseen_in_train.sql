-- Users and movies of valid or test that have no rating in train.
with train as (
    select
        user_id,
        movie_id,
    from split_ratings
    where split = 'train'
),

held_out as (
    select
        user_id,
        movie_id,
    from split_ratings
    where split != 'train'
)

select
    'user' as kind,
    held_out.user_id as id,
    count(*) as rating_count,
from held_out
anti join train
    on held_out.user_id = train.user_id
group by held_out.user_id
union all
select
    'movie' as kind,
    held_out.movie_id as id,
    count(*) as rating_count,
from held_out
anti join train
    on held_out.movie_id = train.movie_id
group by held_out.movie_id
order by kind, id;
