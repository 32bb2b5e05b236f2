-- sample_movies: the movies file of the synthetic sample.
-- Grain: one row per movie; no title twice, for a name that comes again is a sequel.
-- Reads: sample_traits.
-- Why: the title says that it is synthetic and still ends in its year. Commas and
--      letters outside ASCII are there because MovieLens has them too.

create or replace temp view sample_movies as
with words as (
    select
        [
            'Broken', 'Burning', 'Crimson', 'Crooked', 'Distant', 'Electric',
            'Empty', 'Endless', 'Fallen', 'Final', 'Forgotten', 'Frozen', 'Gentle',
            'Golden', 'Hidden', 'Hollow', 'Invisible', 'Last', 'Little', 'Lonely',
            'Lost', 'Midnight', 'Paper', 'Perfect', 'Quiet', 'Restless', 'Savage',
            'Second', 'Secret', 'Silent', 'Velvet', 'Wild',
        ] as adjectives,
        [
            'Affair', 'Avenue', 'Bridge', 'Carnival', 'Circus', 'Detective',
            'Dream', 'Empire', 'Engine', 'Garden', 'Ghost', 'Harbor', 'Heart',
            'Horizon', 'Hotel', 'Island', 'Journey', 'Kingdom', 'Letter', 'Machine',
            'Mirror', 'Mountain', 'Night', 'Orchestra', 'Planet', 'Promise',
            'River', 'Shadow', 'Stranger', 'Summer', 'Train', 'Witness',
        ] as nouns,
        [
            ' in Winter', ' at Noon', ' of the North', ' by the Sea', ' from Mars',
            ' of Málaga', ' of São Paulo', ' in Kraków', ' on Saturn', ' for Two',
            ' of Tomorrow', ' of Glass', ' in the Rain', ' and I', ', My Love',
            ', Again', ' of Saint-Étienne', ' under Water', ' on Fire', ' in Exile',
            ' of Dust', ' at Sea', ' without End', ' on Main Street',
        ] as endings,
),

drawn as (
    select
        movie_id,
        year,
        genres,
        sample_bits('title', movie_id) as bits,
        1 + floor(32 * sample_uniform(bits, 0, 16))::integer as adjective,
        1 + floor(32 * sample_uniform(bits, 16, 16))::integer as noun,
        1 + floor(32 * sample_uniform(bits, 32, 16))::integer as ending,
    from sample_traits
),

named as (
    select
        drawn.movie_id,
        drawn.year,
        drawn.genres,
        concat(
            words.adjectives[drawn.adjective],
            ' ',
            words.nouns[drawn.noun],
            -- One name in four has no ending: the index is past the list.
            words.endings[drawn.ending]
        ) as name,
    from drawn
    cross join words
),

numbered as (
    select
        movie_id,
        year,
        genres,
        name,
        row_number() over (partition by name order by year, movie_id) as part,
    from named
)

select
    movie_id,
    format(
        'Synthetic: The {}{} ({})', name, if(part > 1, concat(' ', part), ''), year
    ) as title,
    genres,
from numbered
order by movie_id;
