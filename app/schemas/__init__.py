"""What comes in and goes out as JSON: camelCase outside, snake_case inside."""
