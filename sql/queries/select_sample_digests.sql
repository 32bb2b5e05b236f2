-- A SHA-256 for generated rows, which have no file: over a sum that no order changes.
select
    (
        select
            sha256(
                concat_ws(
                    ':',
                    count(*),
                    bit_xor(
                        md5_number_lower(
                            concat_ws(':', user_id, movie_id, rating, timestamp)
                        )
                    )
                )
            )
        from raw_ratings
    ) as ratings,
    (
        select
            sha256(
                concat_ws(
                    ':',
                    count(*),
                    bit_xor(md5_number_lower(concat_ws(':', movie_id, title, genres)))
                )
            )
        from raw_movies
    ) as movies;
