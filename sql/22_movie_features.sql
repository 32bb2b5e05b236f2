-- movie_features: what a movie's description says, as a sparse vector.
-- Grain: one row per (movie_id, feature): 'genre:Drama', 'year:1995', 'word:matrix'.
-- Reads: movies.
-- Why: movies nobody rated together still resemble each other. The weight is the
--      inverse document frequency ln(N / df), N movies of which df have the feature
--      (Sparck Jones 1972): a rare genre counts for more than a common one.

create or replace view movie_features as
with described as (
    select
        movie_id,
        year,
        coalesce(genres, []::varchar[]) as genres,
        -- A title made up from the id says nothing. The year has its own feature:
        -- '(1999)' at the end is no title word. (No if(): clients before 2.0 lack it.)
        case
            when title = 'movie ' || movie_id then ''
            else regexp_replace(lower(coalesce(title, '')), '\s*\(\d{4}\)\s*$', '')
        end as title,
    from movies
),

features as (
    select
        movie_id,
        'genre:' || unnest(genres) as feature,
    from described

    union

    select
        movie_id,
        'year:' || year as feature,
    from described
    where year is not null

    union

    select
        movie_id,
        'word:' || unnest(regexp_extract_all(title, '[\p{L}\p{N}]+')) as feature,
    from described
),

frequencies as (
    select
        feature,
        count(*) as movie_count,
    from features
    group by feature
),

catalogue as (
    select count(*) as movie_count
    from movies
)

select
    features.movie_id,
    features.feature,
    ln(catalogue.movie_count / frequencies.movie_count) as weight,
from features
inner join frequencies
    on features.feature = frequencies.feature
cross join catalogue
where features.feature is not null
order by features.movie_id, features.feature;

comment on view movie_features is
'What describes each movie besides its ratings. One row per (movie_id, feature).';
comment on column movie_features.movie_id is
'Movie as the data names it.';
comment on column movie_features.feature is
'''genre:NAME'', ''year:YYYY'' or ''word:WORD'' of the title, in lower case.';
comment on column movie_features.weight is
'Inverse document frequency: ln(movies / movies with the feature).';
