"""Ways of holding events out, in words."""

DESCRIPTIONS = {
    "leave_one_out": "leave-one-out by time: each shopper’s last product",
    "global_time": "global time split: everything new that shoppers took after one moment",
    "cold_items": "cold items: products of which training saw no event, ranked in the whole catalogue",
    "cold_users_1": "cold shoppers: unknown in training, one product revealed",
    "cold_users_3": "cold shoppers: unknown in training, three products revealed",
    "cold_users_5": "cold shoppers: unknown in training, five products revealed",
}
