-- sample_macros: chance without a random generator, from the bits of an md5.
-- Grain: four macros, each explained above it.
-- Reads: nothing.
-- Why: random() depends on the threads and hash() on the release; md5 on nothing. And
--      + - * / and sqrt of doubles are exact: every machine builds the same rows.

-- 60 bits for one thing, the first 15 hex digits: sample_bits('user', 599).
create or replace temp macro sample_bits(label, id) as
concat('0x', left(md5(concat(label, ':', id)), 15))::bigint;

-- `width` of the bits, as a number in [0, 1).
create or replace temp macro sample_uniform(bits, first_bit, width) as
(bits >> first_bit) % (1::bigint << width) / (1::bigint << width);

-- 30 of the bits, as a standard normal: three uniforms, centred and scaled.
create or replace temp macro sample_normal(bits, first_bit) as
2 * (
    sample_uniform(bits, first_bit, 10)
    + sample_uniform(bits, first_bit + 10, 10)
    + sample_uniform(bits, first_bit + 20, 10)
    - 1.5::double
);

-- A share of [0, 1] bent towards 0, for what is unequal: few users rate much, few
-- movies are rated much, few movies are old. The slope is (1 + k)^2 times as steep
-- at 1 as at 0.
create or replace temp macro sample_skew(share, k) as
share / (1 + k * (1 - share));
