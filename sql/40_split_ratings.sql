-- split_ratings: the filtered ratings, each dealt to test, valid or train.
-- Grain: one row per (user_id, movie_id).
-- Reads: filtered_ratings, settings.
-- Why: the order of an md5 text depends on seed, user and movie alone: not on threads,
--      on the order of the file or on the DuckDB release. The first rows are test, the
--      next valid, the rest train; both shares are rounded up.

create or replace view split_ratings as
with dealt as (
    select
        filtered.user_id,
        filtered.movie_id,
        filtered.rating,
        filtered.user_index,
        filtered.movie_index,
        settings.valid_share,
        count(*) over () as row_count,
        ceil(count(*) over () * settings.test_share) as test_count,
        row_number() over (
            order by
                md5(
                    concat_ws(
                        ':', settings.split_seed, filtered.user_id, filtered.movie_id
                    )
                ),
                filtered.user_id,
                filtered.movie_id
        ) as deal_number,
    from filtered_ratings as filtered
    cross join settings
)

select
    user_id,
    movie_id,
    rating,
    user_index,
    movie_index,
    case
        when deal_number <= test_count then 'test'
        when
            deal_number
            <= test_count + ceil((row_count - test_count) * valid_share) then 'valid'
        else 'train'
    end as split,
from dealt;

comment on view split_ratings is
'Filtered ratings with their split. One row per (user_id, movie_id).';
comment on column split_ratings.user_id is
'User as the data names it.';
comment on column split_ratings.movie_id is
'Movie as the data names it.';
comment on column split_ratings.rating is
'Rating on the data''s own scale (stars).';
comment on column split_ratings.user_index is
'Dense row of the user, as in active_users.';
comment on column split_ratings.movie_index is
'Dense row of the movie, as in top_movies.';
comment on column split_ratings.split is
'''train'' fits the weights, ''valid'' chooses among models, ''test'' reports.';
