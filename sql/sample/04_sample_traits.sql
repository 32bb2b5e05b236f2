-- sample_traits: how popular a movie is, how good, of which taste, from which year.
-- Grain: one row per movie.
-- Reads: sample_settings, sample_genres.
-- Why: half of a movie's taste follows from its genres and its year, so that metadata
--      helps a model, and half is its own, so that ratings do too. Movies 318 and 1
--      are the most popular, for the examples.

create or replace temp table sample_traits as
with genres as (
    select
        movie_id,
        string_agg(genre, '|' order by genre) as genres,
        sum(quality) / sqrt(count(*)) as quality,
        sum(action) / sqrt(count(*)) as action,
        sum(dark) / sqrt(count(*)) as dark,
        sum(family) / sqrt(count(*)) as family,
    from sample_genres
    group by movie_id
),

movies as (
    select
        unnest(range(1, movie_count + 1)) as movie_id,
        movie_count,
    from sample_settings
),

ranked as (
    select
        movie_id,
        row_number() over (
            order by
                movie_id <> 318,
                movie_id <> 1,
                sample_bits('popularity', movie_id),
                movie_id
        ) as popularity_rank,
        -- About the share of all ratings that goes to movies more popular still.
        1 - sample_skew(
            1 - popularity_rank / movie_count, 13 * movie_count / 9724
        ) as obscurity,
        sample_uniform(sample_bits('age', movie_id), 0, 32) as age,
        2018 - floor(89 * sample_skew(age, 3.5::double))::integer as year,
    from movies
)

select
    ranked.movie_id,
    ranked.popularity_rank,
    coalesce(genres.genres, '(no genres listed)') as genres,
    ranked.year,
    epoch(make_date(ranked.year, 1, 1))::bigint as released_at,
    0.08 * coalesce(genres.quality, 0) - 0.8 * ranked.obscurity
    + 0.3 * sample_normal(sample_bits('quality', ranked.movie_id), 0) as quality,
    0.5 * coalesce(genres.action, 0)
    + 0.5 * sample_normal(sample_bits('action', ranked.movie_id), 0) as action,
    0.5 * coalesce(genres.dark, 0)
    + 0.5 * sample_normal(sample_bits('dark', ranked.movie_id), 0) as dark,
    0.5 * coalesce(genres.family, 0)
    + 0.5 * sample_normal(sample_bits('family', ranked.movie_id), 0) as family,
    3 * (0.5::double - ranked.age)
    + 0.5 * sample_normal(sample_bits('recent', ranked.movie_id), 0) as recent,
from ranked
left join genres
    on ranked.movie_id = genres.movie_id
order by ranked.movie_id;
