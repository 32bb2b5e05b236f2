-- data_fingerprint: one text that changes when anything a model learns from changes.
-- Grain: exactly one row.
-- Reads: settings, filtered_ratings, rating_scale, top_movies, movies, movie_features,
--      sql_files.
-- Why: a model remembers the fingerprint it was trained on; where they differ it is
--      stale. Scale and weights of features come from all ratings and movies, not from
--      the kept ones alone. Exclusive or needs no sort: the order of rows is free.

create or replace view data_fingerprint as
with rating_mix as (
    select
        count(*) as row_count,
        bit_xor(
            md5_number_lower(concat_ws(':', user_id, movie_id, rating))
        ) as mix,
    from filtered_ratings
),

movie_mix as (
    select
        bit_xor(
            md5_number_lower(
                concat_ws(
                    ':',
                    top.movie_id,
                    top.movie_index,
                    movie.title,
                    movie.genres::varchar
                )
            )
        ) as mix,
    from top_movies as top
    inner join movies as movie
        on top.movie_id = movie.movie_id
),

feature_mix as (
    select
        bit_xor(
            md5_number_lower(
                concat_ws(
                    ':',
                    described.movie_id,
                    described.feature,
                    round(described.weight, 9)
                )
            )
        ) as mix,
    from movie_features as described
    inner join top_movies as top
        on described.movie_id = top.movie_id
)

select
    md5(
        concat_ws(
            ':',
            settings.test_share,
            settings.valid_share,
            settings.split_seed,
            rating_mix.row_count,
            rating_mix.mix,
            movie_mix.mix,
            coalesce(feature_mix.mix, 0),
            scale.lowest_rating,
            scale.highest_rating
        )
    ) as fingerprint,
    (
        select
            sha256(
                string_agg(
                    concat_ws(':', file.name, file.sha256), ',' order by file.name
                )
            )
        from sql_files as file
    ) as sql_sha256,
from settings
cross join rating_mix
cross join movie_mix
cross join feature_mix
cross join rating_scale as scale;

comment on view data_fingerprint is
'Changes when ratings, movies, features, scale or split that a model learns from '
'change. One row.';
comment on column data_fingerprint.fingerprint is
'md5 text over the filtered ratings, the rating scale, the kept movies with the '
'weights of their features, and the split settings.';
comment on column data_fingerprint.sql_sha256 is
'SHA-256 over the SQL files that made the views.';
