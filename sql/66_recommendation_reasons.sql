-- recommendation_reasons: why a movie is recommended, in movies that the user liked.
-- Grain: one row per recommendation and reason, three reasons at most.
-- Reads: recommendations, movie_reasons.

create or replace view recommendation_reasons as
select
    recommended.model_id,
    recommended.user_id,
    recommended.movie_id,
    recommended.method,
    reason.reason_rank,
    reason.because_movie_id,
    reason.because_title,
    reason.user_rating,
    reason.similarity,
from recommendations as recommended
inner join movie_reasons as reason
    on
        recommended.model_id = reason.model_id
        and recommended.user_id = reason.user_id
        and recommended.movie_id = reason.movie_id;

comment on view recommendation_reasons is
'Liked movies nearest to each recommended one. One row per recommendation and reason.';
comment on column recommendation_reasons.model_id is
'The current model, as in models.';
comment on column recommendation_reasons.user_id is
'User as the data names it.';
comment on column recommendation_reasons.movie_id is
'The recommended movie.';
comment on column recommendation_reasons.method is
'Method that recommended it, as in recommendations.';
comment on column recommendation_reasons.reason_rank is
'1 is the nearest liked movie, ties by because_movie_id.';
comment on column recommendation_reasons.because_movie_id is
'A movie that the user liked, among the ratings that the model learnt from.';
comment on column recommendation_reasons.because_title is
'Title of that movie.';
comment on column recommendation_reasons.user_rating is
'Rating that the user gave it (stars).';
comment on column recommendation_reasons.similarity is
'Cosine of the embeddings of the two movies, -1 to 1.';
