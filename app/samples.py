"""The workflows of the demo, as definitions."""

from typing import Any

GREETING = {
    "steps": [
        {
            "id": "greet",
            "type": "transform",
            "with": {"value": {"greeting": "Hello, ${{ input.name ?? 'world' }}!"}},
        }
    ]
}

ORDER = {
    "steps": [
        {
            "id": "sum",
            "type": "transform",
            "with": {"value": "${{ (input.prices ?? [40, 35, 50]).reduce((a, b) => a + b, 0) }}"},
        },
        {
            "id": "discount",
            "type": "transform",
            "needs": ["sum"],
            "if": "${{ steps.sum.output >= 100 }}",
            "with": {"value": "${{ steps.sum.output * 0.1 }}"},
        },
        {
            "id": "shipping",
            "type": "transform",
            "needs": ["sum"],
            "with": {"value": "${{ steps.sum.output >= 50 ? 0 : 4.9 }}"},
        },
        {
            "id": "total",
            "type": "transform",
            "needs": ["discount", "shipping"],
            "with": {
                "value": "${{ steps.sum.output - (steps.discount.output ?? 0) + steps.shipping.output }}",
            },
        },
    ],
    "output": {
        "sum": "${{ steps.sum.output }}",
        "discounted": "${{ steps.discount.status == 'completed' }}",
        "total": "${{ steps.total.output }}",
    },
}


def price_check(port: int) -> dict[str, Any]:
    """Ask the demo's own upstream on `port` for a price and reckon with it."""
    return {
        "steps": [
            {
                "id": "price",
                "type": "http",
                "with": {
                    "url": f"http://127.0.0.1:{port}/prices",
                    "query": {"item": "${{ input.item ?? 'coffee' }}"},
                },
                "retry": {"attempts": 3},
                "timeoutSeconds": 5,
            },
            {
                "id": "bill",
                "type": "transform",
                "with": {
                    "value": {
                        "item": "${{ steps.price.output.body.item }}",
                        "total": "${{ steps.price.output.body.price * (input.quantity ?? 1) }}",
                        "currency": "${{ steps.price.output.body.currency }}",
                    }
                },
            },
        ],
        "output": "${{ steps.bill.output }}",
    }
