-- sample_genres: which genres a movie has, and what they say about it.
-- Grain: one row per (movie_id, genre); about 7 % of the movies have none.
-- Reads: sample_settings.
-- Why: percent is MovieLens's own frequency. quality, action, dark and family are
--      integers, so that a sum of them does not depend on its order.

create or replace temp table sample_genres as
with genres (genre, percent, quality, action, dark, family) as (
    values
    ('Action', 19, -1, 3, 1, 0),
    ('Adventure', 13, 0, 2, -1, 2),
    ('Animation', 6, 1, 1, -1, 3),
    ('Children', 7, -1, 0, -2, 3),
    ('Comedy', 39, -1, -1, -2, 1),
    ('Crime', 12, 1, 1, 2, -2),
    ('Documentary', 5, 2, -3, 0, -1),
    ('Drama', 45, 1, -2, 1, -1),
    ('Fantasy', 8, 0, 1, -1, 2),
    ('Film-Noir', 1, 3, -1, 3, -3),
    ('Horror', 10, -3, 1, 3, -2),
    ('IMAX', 2, 1, 3, -1, 1),
    ('Musical', 3, 0, -2, -3, 2),
    ('Mystery', 6, 1, -1, 2, -1),
    ('Romance', 16, 0, -3, -2, 0),
    ('Sci-Fi', 10, -1, 3, 0, 0),
    ('Thriller', 19, 0, 2, 3, -2),
    ('War', 4, 2, 1, 2, -1),
    ('Western', 2, 1, 2, 0, -1),
),

movies as (
    select unnest(range(1, movie_count + 1)) as movie_id
    from sample_settings
)

select
    movies.movie_id,
    genres.*,
from movies
cross join genres
where
    sample_uniform(sample_bits(genres.genre, movies.movie_id), 0, 32)
    < genres.percent / 100;
